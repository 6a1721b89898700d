"""tmp"""
def quality(): pass
