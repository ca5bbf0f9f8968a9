# SPDX-License-Identifier: MIT
"""An answer that is an error, with the code, text and status that AWS gives."""


class AwsError(Exception):
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
