"""What is known of each API dialect: OpenAI's Responses and Anthropic's Messages, in one folder
each, beside what they share.
"""
