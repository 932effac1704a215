"""What is unusual in the fleet, what moved on many servers, the odd one out, and how good the models are."""
