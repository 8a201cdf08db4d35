"""How people behave: what they express, how they rest and speak, and what their faces are worth; in the 52 shapes of the tracker."""
