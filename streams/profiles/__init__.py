"""One profile per user: folded from `notify.profile-events` into `notify.profiles`, and copied from there to wherever it is read."""
