"""What an attacker can do to a package, each tried, each found and located: a gate for every release."""
