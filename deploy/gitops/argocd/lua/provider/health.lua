-- Health of a model provider: its circuit, and whether it can be used as it is written.
local status = obj.status or {}
local circuit = status.circuitBreaker or {}
if status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not seen it yet." }
end
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Ready" and condition.status == "False" then
    return { status = "Degraded", message = condition.reason .. ": " .. condition.message }
  end
end
if circuit.state == "Open" then
  return { status = "Degraded", message = "Its circuit is open: " .. (circuit.failureClass or "it fails") .. "." }
end
if circuit.state == "HalfOpen" then
  return { status = "Progressing", message = "Its circuit is half-open: one probe decides." }
end
return { status = "Healthy", message = (status.active or 0) .. " active" }
