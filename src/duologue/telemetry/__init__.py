"""Events, the frame and turn ledgers, metrics, reports."""
