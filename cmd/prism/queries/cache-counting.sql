-- title: Providers that seem to count cached tokens within the input
from cache_counting()
