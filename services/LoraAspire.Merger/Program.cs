using LoraAspire.Merger;
using LoraAspire.Model.Native;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;

LibTorch.Load();
var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddStage<MergerParams, MergeStage>(StageKinds.Merger);
var app = builder.Build();
app.MapDefaultEndpoints();
return await app.RunStageAsync(args);
