"""What a referral program is: values in, values out, the standard library only."""
