"""Records are found by when they were written, and those of an invoice in the order of their ids."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_first_tiers'),
        ('billing', '0012_unbilled_usage'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='requestrecord',
            name='record_by_invoice',
        ),
        migrations.RemoveIndex(
            model_name='requestrecord',
            name='record_by_recording',
        ),
        migrations.AddIndex(
            model_name='requestrecord',
            index=models.Index(condition=models.Q(('invoice__isnull', False)), fields=['invoice', 'uid'], name='record_by_invoice'),
        ),
        migrations.AddIndex(
            model_name='requestrecord',
            index=models.Index(fields=['recorded_at'], name='record_by_recording'),
        ),
    ]
