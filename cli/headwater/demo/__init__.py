"""The main job in one command: a small economy that runs, pays, checks itself and reports."""
