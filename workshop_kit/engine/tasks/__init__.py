"""A small orchestrator: task definitions in a subset of Amazon ECS's JSON, resolved and run on this machine."""
