local stopped = obj.spec.stopPolicy ~= nil and obj.spec.stopPolicy ~= "None"
local actions = {}
actions["suspend"] = { ["disabled"] = stopped, ["iconClass"] = "fa fa-fw fa-pause" }
actions["resume"] = { ["disabled"] = not stopped, ["iconClass"] = "fa fa-fw fa-play" }
return actions
