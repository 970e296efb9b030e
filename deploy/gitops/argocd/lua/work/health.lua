-- Health of a course, chapter, validation or export: what its conditions say, and its own words.
local health = { status = "Progressing", message = "The operator has not seen it yet." }
local status = obj.status
if status == nil or status.conditions == nil then
  return health
end
if status.observedGeneration ~= obj.metadata.generation then
  health.message = "The operator has not seen the last change yet."
  return health
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end
local function holds(name)
  return conditions[name] ~= nil and conditions[name].status == "True"
end

if holds("Succeeded") then
  health.status = "Healthy"
  local message = conditions.Succeeded.message
  health.message = message ~= "" and message or "It has succeeded."
elseif holds("Finished") or holds("Stalled") then
  -- Failed, cancelled, or in need of a person: it will not become what the manifest asks for by itself.
  local told = holds("Finished") and conditions.Finished or conditions.Stalled
  health.status = "Degraded"
  health.message = told.reason .. ": " .. told.message
elseif status.holdReason == "Suspended" then
  health.status = "Suspended"
  health.message = status.holdMessage
else
  health.message = status.phase .. ", " .. (status.progressPercentage or 0) .. " %"
  if status.holdReason ~= nil then
    health.message = health.message .. ", " .. status.holdReason .. ": " .. (status.holdMessage or "")
  end
end
return health
