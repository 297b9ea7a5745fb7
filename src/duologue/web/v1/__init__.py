"""What clients of OpenAI's API find here unmodified: ``/v1``. What is not supported answers so, by name."""
