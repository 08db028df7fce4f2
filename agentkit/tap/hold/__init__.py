"""What a person does with a request or an answer on its way: it waits, is changed and goes on."""
