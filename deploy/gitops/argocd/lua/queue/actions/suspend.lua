-- Starts no Job of this queue; running ones end normally.
obj.spec.stopPolicy = "Hold"
return obj
