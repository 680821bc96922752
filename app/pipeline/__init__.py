"""The pipeline language: text and event in, plan or problems out. Pure, but for the nonce of what `inline` encrypts."""
