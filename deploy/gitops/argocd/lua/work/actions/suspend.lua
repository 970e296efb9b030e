-- Starts nothing new; what runs ends normally.
obj.spec.suspend = true
return obj
