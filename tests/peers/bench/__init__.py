"""What the tasks of `run.py` share: children, rounds, data, figures and the report. Knows no task."""
