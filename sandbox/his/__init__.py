"""The HIS, of the 东华 type: patients, 号源, locks, bookings, check-in, queue, 停诊; spoken to over SOAP 1.1.

Written from the domain facts only. What is our own choice, where the facts leave one, is said in `docs/sandbox.md`.
"""
