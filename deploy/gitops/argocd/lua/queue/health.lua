-- Health of a queue: stopped by an admin, kept away from what fails, or at work.
local status = obj.status or {}
local circuit = status.circuitBreaker or {}
if status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not seen it yet." }
end
if obj.spec.stopPolicy ~= nil and obj.spec.stopPolicy ~= "None" then
  return { status = "Suspended", message = "spec.stopPolicy is " .. obj.spec.stopPolicy .. "." }
end
if obj.spec.capacity == 0 then
  return { status = "Suspended", message = "spec.capacity is 0." }
end
if circuit.state == "Open" then
  return { status = "Degraded", message = "Its circuit is open: " .. (circuit.failureClass or "what it runs fails") .. "." }
end
if circuit.state == "HalfOpen" then
  return { status = "Progressing", message = "Its circuit is half-open: one probe decides." }
end
return { status = "Healthy", message = (status.active or 0) .. " active, " .. (status.pending or 0) .. " pending" }
