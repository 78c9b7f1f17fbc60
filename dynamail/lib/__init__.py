"""Small topic helpers that every layer may use: clock, ids, signing, SQL files, settings from the environment,
privacy annotations. Never models, never business rules."""
