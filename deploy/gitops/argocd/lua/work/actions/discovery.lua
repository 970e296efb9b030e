-- What a person may ask for now. `stop` is for courses: it delivers what has succeeded, and writes no more.
local phase = obj.status ~= nil and obj.status.phase or "Pending"
local ended = phase == "Succeeded" or phase == "Failed" or phase == "Cancelled"
local suspended = obj.spec.suspend == true
local missing = obj.status ~= nil and obj.status.missingChapters or nil -- a course may be delivered without some

local actions = {}
local again = phase == "Failed" or phase == "Cancelled" or (phase == "Succeeded" and missing ~= nil and #missing > 0)
actions["retry"] = { ["disabled"] = not again, ["iconClass"] = "fa fa-fw fa-redo" }
actions["cancel"] = { ["disabled"] = ended, ["iconClass"] = "fa fa-fw fa-times" }
actions["suspend"] = { ["disabled"] = ended or suspended, ["iconClass"] = "fa fa-fw fa-pause" }
actions["resume"] = { ["disabled"] = not suspended, ["iconClass"] = "fa fa-fw fa-play" }
if obj.kind == "CourseGeneration" then
  actions["stop"] = { ["disabled"] = phase == "Succeeded", ["iconClass"] = "fa fa-fw fa-stop" }
end
return actions
