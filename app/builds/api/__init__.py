"""Routes of builds."""
