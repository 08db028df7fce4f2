"""Any answer, stream, error or tool output of any server, read into one `Response`."""
