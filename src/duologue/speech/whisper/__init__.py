"""The ears `whisper`: Whisper through CTranslate2, in one worker process for all who are listened to."""
