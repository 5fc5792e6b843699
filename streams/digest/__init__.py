"""Many notifications with one digest key become one."""
