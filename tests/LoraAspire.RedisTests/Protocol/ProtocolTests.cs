using CsCheck;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.RedisTests.Protocol;

/// <summary>
/// The protocol under random interleavings: two coordinators or more, as many workers, leases that run out at any moment, deaths between
/// any two commands, plans that take long, cancels, and attempts that fail or die. LORA_SCHEDULES says how many schedules, LORA_SEED which
/// (as a failure prints it).
/// </summary>
public sealed class ProtocolTests(RedisServer server, ITestOutputHelper output)
{
    private const int UsualSchedules = 500;

    private static readonly Gen<(int Action, int Which)[]> Schedules = Gen.Select(Gen.Int[0, 99], Gen.Int[0, 999]).Array[40, 160];

    [Fact]
    public void No_two_owners_both_finish_no_stage_is_lost_and_nothing_is_dispatched_after_a_cancel()
    {
        var schedules = int.TryParse(Environment.GetEnvironmentVariable("LORA_SCHEDULES"), out var asked) ? asked : UsualSchedules;
        var commands = 0;

        Schedules.Sample(schedule => commands += RunAsync(schedule).GetAwaiter().GetResult(),
            seed: Environment.GetEnvironmentVariable("LORA_SEED"), iter: schedules, threads: 1);

        output.WriteLine($"{schedules} schedules, {commands} turns before the last reader brought all to its end");
    }

    private async Task<int> RunAsync((int Action, int Which)[] schedule)
    {
        await server.Connection.GetServers()[0].FlushDatabaseAsync();
        var world = new World(server.Connection.GetDatabase(), schedule.Length + schedule.Sum(step => step.Which));
        await world.SubmitAsync();
        foreach (var steals in (bool[])[false, true])
        {
            await world.StartCoordinatorAsync(steals);
            await world.StartWorkerAsync(StageKinds.DataBuild, steals);
            await world.StartWorkerAsync(StageKinds.Trainer, !steals);
        }
        var runs = 1;
        foreach (var (action, which) in schedule)
        {
            switch (action)
            {
                case < 84:
                    await world.TurnAsync(which);
                    break;
                case < 88:
                    world.Kill(which);
                    break;
                case < 91:
                    await world.StartCoordinatorAsync(which % 2 == 0);
                    break;
                case < 95:
                    await world.StartWorkerAsync(which % 2 == 0 ? StageKinds.DataBuild : StageKinds.Trainer, which % 3 == 0);
                    break;
                case < 98:
                    await world.PlanAsync();
                    break;
                case 98 when runs < 3:
                    runs++;
                    await world.SubmitAsync();
                    break;
                default:
                    await world.CancelAsync(which);
                    break;
            }
        }
        await world.DrainAsync();
        await world.CheckAsync();
        return schedule.Length;
    }
}
