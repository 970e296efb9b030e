"""A whole day of one cluster and its operators, simulated: the planner's own decisions over measured figures."""
