"""Tools: functions described to the model, run in a bounded pool."""
