"""The pages of alerts: rules, incidents, who is told, and when nobody is."""
