"""The command `carillon`: one file a group of commands, thin; what they decide is in pure functions beside them."""
