"""Payment providers behind one interface, `provider`: the sandbox's and Stripe. `chosen` gives the one that is set."""
