"""One contract for all hosts with an API, each before a far side that speaks real HTTP."""
