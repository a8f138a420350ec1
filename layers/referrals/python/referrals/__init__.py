"""Sarafan: a referral program that a business runs on its own AWS account."""
