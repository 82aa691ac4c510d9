"""What families of one kin share: blocks and classes that no other family has."""
