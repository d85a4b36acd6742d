using LoraAspire.Model.Generation.Batching;

namespace LoraAspire.Tests.Generation.Batching;

public sealed class BlockPoolTests
{
    private readonly BlockPool _pool = new(6);

    [Fact]
    public void The_end_of_the_oldest_text_is_forgotten_first()
    {
        var (old, young) = (Written(1, blocks: 3), Written(2, blocks: 3));
        _pool.Release(old.Blocks);
        _pool.Release(young.Blocks);

        _pool.Release([_pool.Take(), _pool.Take()]);

        Assert.Single(_pool.Find(old.Ids, -1, old.Ids.Length));
        Assert.Equal(3, _pool.Find(young.Ids, -1, young.Ids.Length).Count);
        Assert.Equal(6, _pool.Free);
    }

    [Fact]
    public void A_block_in_use_is_never_handed_out()
    {
        var text = Written(1, blocks: 4);
        _pool.Release(text.Blocks);
        var found = _pool.Find(text.Ids, -1, text.Ids.Length - 1);
        found.ForEach(_pool.Use);

        var taken = Enumerable.Range(0, _pool.Free).Select(_ => _pool.Take()).ToList();

        Assert.Equal(3, found.Count);
        Assert.Empty(taken.Intersect(found.Select(block => block.Index)));
        Assert.Equal(3, _pool.Find(text.Ids, -1, text.Ids.Length).Count);
    }

    [Fact]
    public void Two_that_computed_the_same_at_the_same_time_hold_one_block_of_it()
    {
        var (first, second) = (Written(1, blocks: 2), Written(1, blocks: 2));

        Assert.Equal(first.Blocks, second.Blocks);
        Assert.Equal(4, _pool.Free);
        _pool.Release(first.Blocks);
        Assert.Equal(4, _pool.Free);
        _pool.Release(second.Blocks);
        Assert.Equal(6, _pool.Free);
    }

    [Fact]
    public void Equal_blocks_behind_other_beginnings_and_of_other_adapters_are_others()
    {
        var text = Written(1, blocks: 2);
        int[] other = [.. text.Ids[..15], 7, .. text.Ids[16..]];

        Assert.Empty(_pool.Find(other, -1, 32));
        Assert.Empty(_pool.Find(text.Ids, 0, 32));
        Assert.Single(_pool.Find([.. text.Ids[..16], .. other[..16]], -1, 32));
    }

    [Fact]
    public void What_must_not_be_found_any_more_is_not_and_its_blocks_stay_with_their_users()
    {
        var text = Written(1, blocks: 2);
        _pool.ForgetAll(block => block.Adapter == -1);

        Assert.Empty(_pool.Find(text.Ids, -1, 32));
        Assert.Equal(4, _pool.Free);
        _pool.Release(text.Blocks);
        Assert.Equal(6, _pool.Free);
    }

    private (int[] Ids, int[] Blocks) Written(int seed, int blocks)
    {
        var ids = Asking.Prompt(seed, blocks * StepExecutor.BlockSize);
        List<KnownBlock> known = [];
        for (var i = 0; i < blocks; i++)
        {
            known.Add(_pool.Know(_pool.Take(), known.LastOrDefault(), -1, ids.AsSpan(i * StepExecutor.BlockSize, StepExecutor.BlockSize))!);
        }
        return (ids, [.. known.Select(block => block.Index)]);
    }
}
