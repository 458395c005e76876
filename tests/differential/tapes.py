TOPICS = []
