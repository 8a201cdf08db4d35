"""How a gradient or a difference passes through each operation of a network, where that is another way than autograd's own."""
