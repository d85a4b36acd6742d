namespace LoraAspire.DataBuild.Records;

/// <summary>
/// A draw from items whose number isn't known: every one that was offered is as likely to be kept as any other (J. Vitter, Random Sampling
/// with a Reservoir, algorithm R). Memory holds those kept.
/// </summary>
internal sealed class Reservoir<T>(int size, Draw draw)
{
    /// <summary>In no order.</summary>
    public List<T> Items { get; } = new(Math.Min(size, 1 << 16));

    /// <summary>How many were offered.</summary>
    public int Seen { get; private set; }

    public void Offer(T item)
    {
        if (Items.Count < size)
        {
            Items.Add(item);
        }
        else if (draw.Between(0, Seen) is var place && place < size)
        {
            Items[place] = item;
        }
        Seen++;
    }
}
