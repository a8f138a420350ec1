"""DynamoDB through PynamoDB: one module per aggregate; gives and takes domain values."""
