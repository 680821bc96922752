"""What a step shows beside its log: data of its own, and the template that draws it."""
