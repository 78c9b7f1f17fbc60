"""A campaign travels from a running DynaMail through a real Postfix to the server of the recipients."""
