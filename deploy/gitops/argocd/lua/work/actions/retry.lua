-- Runs what failed or is missing again. Each new value is one request.
local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["coursegen.dev/retryRequestedAt"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
