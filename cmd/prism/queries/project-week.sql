-- title: Spend by project and week
from spend(grain := 'week', by_col := 'project')
