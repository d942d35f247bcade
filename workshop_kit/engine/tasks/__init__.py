"""The orchestrator's part, played small: task definitions in a subset of Amazon ECS's JSON, resolved and run here."""
