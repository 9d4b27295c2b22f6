"""Commands that training adds to ``uptake`` (entry points, group ``uptake.commands``)."""
