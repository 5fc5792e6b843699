"""What may be sent to whom, when: the rules that bind every decision, and the policy that is their data."""
