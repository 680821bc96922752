"""Making the server: each package is opened by one function here, and all routes become one application.

The long-lived objects of the packages are made and connected only here.
"""
