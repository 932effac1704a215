"""The fleet page: its data packed small, its history, what was handled, what people save of it."""
