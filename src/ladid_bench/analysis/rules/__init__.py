"""The rules of the claims: which runs each compares, fixed here whatever the runs say.

Every rule takes the evidence, at one budget, and gives the parts of its claim.
"""
