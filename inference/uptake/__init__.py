"""Which uptake is physiologic: by tracer, organ and place."""
