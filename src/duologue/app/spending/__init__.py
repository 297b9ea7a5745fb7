"""What engines were asked for, what it cost, and the caps of a day."""
